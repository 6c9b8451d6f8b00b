/** Brings in, drops and counts pages of mapped files, with one class per operating system. */
package io.github.bigllama.internal.pagecache;
