package io.github.bigllama.cli.models;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import okhttp3.HttpUrl;

/**
 * A model on a web server.
 *
 * @param name its place in the models folder: folders and a file name, without ending and numbers
 * @param files its files, the first part first
 * @param choice why it is this one, if there were others; a line for the user
 */
public record RemoteModel(String name, List<RemoteFile> files, Optional<String> choice) {
    /**
     * One file.
     *
     * @param address where it is
     * @param path where it goes in the models folder
     * @param size in bytes, if that is known
     * @param sha256 its checksum in hexadecimal digits, if that is known
     */
    public record RemoteFile(
            HttpUrl address, String path, OptionalLong size, Optional<String> sha256) {
        /** What it is known by: the address without what is secret or only for one time. */
        String source() {
            return ModelSource.lasting(address).toString();
        }
    }

    public RemoteModel {
        files = List.copyOf(files);
    }
}
