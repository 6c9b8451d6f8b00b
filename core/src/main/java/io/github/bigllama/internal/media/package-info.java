/** What a projector makes of images and sounds, and the tokens that stand for it. */
package io.github.bigllama.internal.media;
