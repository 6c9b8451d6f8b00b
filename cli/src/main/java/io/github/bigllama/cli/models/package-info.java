/**
 * Downloaded models: the folder, sources on the web, and downloads that continue where they
 * stopped.
 */
package io.github.bigllama.cli.models;
