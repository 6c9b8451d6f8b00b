/** Models made to measure and test with. */
package io.github.bigllama.internal.synthetic;
