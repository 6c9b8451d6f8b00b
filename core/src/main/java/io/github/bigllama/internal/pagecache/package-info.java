/** Pages of mapped files: brought in, dropped, counted. One class for each operating system. */
package io.github.bigllama.internal.pagecache;
