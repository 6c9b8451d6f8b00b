/** Images and sounds for models that see or hear. */
@NullMarked
package io.github.bigllama.core.media;

import org.jspecify.annotations.NullMarked;
