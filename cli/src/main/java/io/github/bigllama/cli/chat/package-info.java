/** A conversation: its loop, where it takes place, what can be typed in it, and its files. */
package io.github.bigllama.cli.chat;
