/** What running a model will be like, from its headers: memory, speed, and what would help. */
package io.github.bigllama.core.forecast;
