/** Information from the operating system: cgroups, cores, and how busy they are. */
package io.github.bigllama.internal.system;
