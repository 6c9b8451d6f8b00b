package io.github.bigllama.internal.pagecache;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The numbers of macOS are those that are held against Apple's headers when it is built there. */
class MacOwnPagesTest {
    private static final Path PROBE = Path.of("../native/darwin/darwin-probe.c");
    private static final Pattern CONSTANT = Pattern.compile("CONSTANT\\((\\w+), (\\w+)\\);");

    @Test
    void theConstantsAreThoseOfTheProbe() throws IOException {
        Map<String, Integer> probed = new TreeMap<>();
        CONSTANT.matcher(Files.readString(PROBE))
                .results()
                .forEach(m -> probed.put(m.group(1), Integer.decode(m.group(2))));
        Map<String, Integer> written = new TreeMap<>();
        written.put("O_RDONLY", 0);
        written.put("O_CLOEXEC", MacOwnPages.O_CLOEXEC);
        written.put("F_NOCACHE", MacOwnPages.F_NOCACHE);
        written.put("PROT_READ", PosixMemory.PROT_READ);
        written.put("PROT_WRITE", PosixMemory.PROT_WRITE);
        written.put("MAP_SHARED", PosixMemory.MAP_SHARED);
        written.put("MAP_PRIVATE", PosixMemory.MAP_PRIVATE);
        written.put("MAP_FIXED", PosixMemory.MAP_FIXED);
        written.put("MAP_ANON", PosixMemory.MAC_MAP_ANON);
        written.put("MAP_NORESERVE", PosixMemory.MAC_MAP_NORESERVE);
        written.put("_SC_PAGESIZE", PosixMemory.MAC_SC_PAGESIZE);
        written.put("VM_FLAGS_FIXED", MacOwnPages.VM_FLAGS_FIXED);
        written.put("VM_FLAGS_OVERWRITE", MacOwnPages.VM_FLAGS_OVERWRITE);
        written.put("VM_INHERIT_NONE", MacOwnPages.VM_INHERIT_NONE);
        written.put("KERN_SUCCESS", MacOwnPages.KERN_SUCCESS);
        assertThat(written).isEqualTo(probed);
    }
}
