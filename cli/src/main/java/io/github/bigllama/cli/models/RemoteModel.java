package io.github.bigllama.cli.models;

import io.github.bigllama.core.gguf.HttpSender;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import okhttp3.HttpUrl;

/**
 * A model on a web server.
 *
 * @param name its name in the models folder: folders and the file name, without ending and number
 * @param files its files, the first part first
 * @param projector the file beside it that lets it see or hear (mmproj), if there is one
 * @param choice why this model was chosen, if there were others; a line for the user
 */
public record RemoteModel(
        String name,
        List<RemoteFile> files,
        Optional<RemoteFile> projector,
        Optional<String> choice) {
    /**
     * One file.
     *
     * @param address the address of the file
     * @param path the path in the models folder
     * @param size size in bytes, if that is known
     * @param sha256 its checksum in hexadecimal digits, if that is known
     */
    public record RemoteFile(
            HttpUrl address, String path, OptionalLong size, Optional<String> sha256) {
        private String name() {
            return path.substring(path.lastIndexOf('/') + 1);
        }

        /**
         * The identity of the file: the address without parts that are secret or valid only once.
         */
        String source() {
            return ModelSource.lasting(address).toString();
        }
    }

    /** A model without a projector. */
    RemoteModel(String name, List<RemoteFile> files, Optional<String> choice) {
        this(name, files, Optional.empty(), choice);
    }

    public RemoteModel {
        files = List.copyOf(files);
    }

    /**
     * The address of the first file. If there are several, it has the local file name: parts find
     * each other by llama.cpp's names, and the server's may be in upper case.
     */
    public URI firstAddress() {
        RemoteFile first = files.getFirst();
        return files.size() == 1
                ? first.address.uri()
                : first.address
                        .newBuilder()
                        .setPathSegment(first.address.pathSize() - 1, first.name())
                        .build()
                        .uri();
    }

    /** A sender that translates local file names to the addresses of the files. */
    public HttpSender sender(HttpSender http) {
        Map<String, URI> addresses =
                files.stream()
                        .collect(
                                Collectors.toMap(
                                        RemoteFile::name, file -> file.address.uri(), (a, b) -> a));
        return (address, headers) -> {
            String path = address.getPath();
            String name = path.substring(path.lastIndexOf('/') + 1);
            return http.get(addresses.getOrDefault(name, address), headers);
        };
    }
}
