/** Conversations: the loop, the user interfaces, the slash commands, and the files. */
package io.github.bigllama.cli.chat;
