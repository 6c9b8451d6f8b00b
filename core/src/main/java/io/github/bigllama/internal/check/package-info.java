/** Checks of a model before native code sees it. */
package io.github.bigllama.internal.check;
