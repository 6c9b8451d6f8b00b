package io.github.bigllama.core.residency;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Finds the folders of this process's memory cgroups, its own and all above, of versions 1 and 2.
 */
final class MemoryCgroups {
    private MemoryCgroups() {}

    /**
     * The folders of the cgroups, the innermost first.
     *
     * @param root the folder that holds proc and sys
     */
    static List<Path> of(Path root) {
        List<Path> folders = new ArrayList<>();
        // hierarchy:controllers:path; version 2 has one line, with no controllers
        for (String line : lines(root.resolve("proc/self/cgroup"))) {
            String[] fields = line.split(":", 3);
            if (fields.length < 3) {
                continue;
            }
            boolean two = fields[0].equals("0") && fields[1].isEmpty();
            boolean memory = List.of(fields[1].split(",")).contains("memory");
            if (two || memory) {
                folders.addAll(folders(root, two, fields[2]));
            }
        }
        return folders;
    }

    private static List<Path> folders(Path root, boolean two, String path) {
        List<Path> folders = new ArrayList<>();
        for (String line : lines(root.resolve("proc/self/mountinfo"))) {
            // id parent device root mount-point options [optional fields] - type source options
            int dash = line.indexOf(" - ");
            String[] left = line.split(" ");
            String[] right = dash < 0 ? new String[0] : line.substring(dash + 3).split(" ");
            if (left.length < 5 || right.length < 3) {
                continue;
            }
            boolean matches =
                    two
                            ? right[0].equals("cgroup2")
                            : right[0].equals("cgroup")
                                    && List.of(right[2].split(",")).contains("memory");
            if (matches) {
                Path mount = root.resolve(left[4].substring(1));
                Path inner = mount.resolve(below(left[3], path)).normalize();
                // In a container the path may be one of the host, which is not visible here.
                if (!inner.startsWith(mount) || !Files.isDirectory(inner)) {
                    inner = mount;
                }
                for (Path folder = inner;
                        folder != null && folder.startsWith(mount);
                        folder = folder.getParent()) {
                    folders.add(folder);
                }
            }
        }
        return folders;
    }

    /** The path below the mounted folder, which in a container is not the whole hierarchy. */
    private static String below(String mounted, String path) {
        String rest =
                !mounted.equals("/") && path.startsWith(mounted)
                        ? path.substring(mounted.length())
                        : path;
        return rest.startsWith("/") ? rest.substring(1) : rest;
    }

    private static List<String> lines(Path file) {
        return AvailableRam.text(file).lines().toList();
    }
}
