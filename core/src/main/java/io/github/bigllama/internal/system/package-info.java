/** What the operating system says of itself: cgroups, cores, and who keeps them busy. */
package io.github.bigllama.internal.system;
