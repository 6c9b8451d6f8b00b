package io.github.bigllama.cli.models;

import java.net.URI;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A model on a web server.
 *
 * @param name its place in the models folder: folders and a file name, without ending and numbers
 * @param files its files, the first part first
 */
public record RemoteModel(String name, List<RemoteFile> files) {
    /**
     * One file.
     *
     * @param address where it is
     * @param path where it goes in the models folder
     * @param size in bytes, if that is known
     * @param sha256 its checksum in hexadecimal digits, if that is known
     */
    public record RemoteFile(
            URI address, String path, OptionalLong size, Optional<String> sha256) {}

    public RemoteModel {
        files = List.copyOf(files);
    }

    /** Bytes of all files, as far as they are known. */
    long size() {
        return files.stream().mapToLong(file -> file.size().orElse(0)).sum();
    }
}
