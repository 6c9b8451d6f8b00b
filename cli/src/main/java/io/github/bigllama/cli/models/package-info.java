/**
 * Models on this machine and how they get here: a folder, sources on the web, downloads that go on
 * where they stopped.
 */
package io.github.bigllama.cli.models;
