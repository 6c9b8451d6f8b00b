/** The llama.cpp libraries, as resources in a folder for each platform. Has no classes. */
module io.github.bigllama.natives {}
