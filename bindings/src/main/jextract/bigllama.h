// Everything jextract reads; symbols.txt says what of it is bound.
#include "ggml.h"
#include "ggml-backend.h"
#include "gguf.h"
#include "llama.h"
#include "../../../../native/src/bigllama.h"
