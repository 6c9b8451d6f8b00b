/** Which weights are in RAM, and when: pieces, the plan, the readers, the cache of experts. */
package io.github.bigllama.internal.pager;
