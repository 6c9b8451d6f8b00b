/** The live page: where the weights of a model are, in a browser on this machine. */
@NullMarked
package io.github.bigllama.cli.page;

import org.jspecify.annotations.NullMarked;
