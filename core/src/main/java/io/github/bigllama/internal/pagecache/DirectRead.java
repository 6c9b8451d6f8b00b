package io.github.bigllama.internal.pagecache;

/**
 * A read past the page cache. Address, length and offset are multiples of the file's unit.
 *
 * @param descriptor the file
 * @param address where the bytes go
 * @param length in bytes
 * @param offset of the first byte in the file
 */
public record DirectRead(int descriptor, long address, long length, long offset) {}
