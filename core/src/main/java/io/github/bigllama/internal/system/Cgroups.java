package io.github.bigllama.internal.system;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Finds the folders of this process's cgroups, its own and all above, of versions 1 and 2. */
public final class Cgroups {
    private Cgroups() {}

    /**
     * The folders of the cgroups, the innermost first.
     *
     * @param root the folder that holds proc and sys
     * @param controller the controller: {@code memory} or {@code cpu}
     */
    public static List<Path> of(Path root, String controller) {
        List<Path> folders = new ArrayList<>();
        // hierarchy:controllers:path; version 2 has one line, with no controllers
        for (String line : lines(root.resolve("proc/self/cgroup"))) {
            String[] fields = line.split(":", 3);
            if (fields.length < 3) {
                continue;
            }
            boolean two = fields[0].equals("0") && fields[1].isEmpty();
            boolean one = List.of(fields[1].split(",")).contains(controller);
            if (two || one) {
                folders.addAll(folders(root, two ? "" : controller, fields[2]));
            }
        }
        return folders;
    }

    /** The folders of a controller of version 1, or of version 2 if the controller is empty. */
    private static List<Path> folders(Path root, String controller, String path) {
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
                    controller.isEmpty()
                            ? right[0].equals("cgroup2")
                            : right[0].equals("cgroup")
                                    && List.of(right[2].split(",")).contains(controller);
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
        return SystemFile.text(file).lines().toList();
    }
}
