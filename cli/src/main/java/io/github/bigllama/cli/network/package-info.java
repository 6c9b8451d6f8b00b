/** Requests over the web: proxies, certificates, and patience with servers that fail. */
package io.github.bigllama.cli.network;
