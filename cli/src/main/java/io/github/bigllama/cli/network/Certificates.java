package io.github.bigllama.cli.network;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/**
 * The trusted certificate authorities: those that {@code SSL_CERT_FILE} and {@code SSL_CERT_DIR}
 * name, or else those of the system, or else those that come with Java. So a company's own
 * authority is trusted if its machines trust it.
 */
final class Certificates {
    static final String FILE = "SSL_CERT_FILE";
    private static final String FOLDER = "SSL_CERT_DIR";

    /** The files of Debian, Red Hat, SUSE, Alpine and macOS. */
    private static final List<Path> BUNDLES =
            Stream.of(
                            "/etc/ssl/certs/ca-certificates.crt",
                            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                            "/etc/pki/tls/certs/ca-bundle.crt",
                            "/etc/ssl/ca-bundle.pem",
                            "/etc/ssl/cert.pem")
                    .map(Path::of)
                    .toList();

    private static final Pattern PEM =
            Pattern.compile(
                    "-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.*?-----END (?:TRUSTED |X509 )?CERTIFICATE-----",
                    Pattern.DOTALL);

    private Certificates() {}

    /**
     * The trust manager for an environment.
     *
     * @throws PullException if a file that the environment names has no certificates
     */
    static X509TrustManager of(Map<String, String> environment) {
        return of(environment, BUNDLES);
    }

    static X509TrustManager of(Map<String, String> environment, List<Path> bundles) {
        try {
            return trusting(authorities(environment, bundles));
        } catch (GeneralSecurityException | IOException e) {
            throw new PullException("cannot use the certificate authorities: " + e.getMessage(), e);
        }
    }

    /** The authorities; empty for those of Java. */
    private static List<Certificate> authorities(
            Map<String, String> environment, List<Path> bundles) {
        String file = environment.getOrDefault(FILE, "");
        String folder = environment.getOrDefault(FOLDER, "");
        if (file.isEmpty() && folder.isEmpty()) {
            return System.getProperty("javax.net.ssl.trustStore") == null
                    ? bundles.stream()
                            .map(bundle -> read(bundle).orElse(List.of()))
                            .filter(list -> !list.isEmpty())
                            .findFirst()
                            .orElse(List.of())
                    : List.of();
        }
        List<Certificate> all = new ArrayList<>();
        if (!file.isEmpty()) {
            all.addAll(named(FILE, Path.of(file)));
        }
        for (String name : folder.split(":")) {
            if (!name.isEmpty()) {
                all.addAll(named(FOLDER, Path.of(name)));
            }
        }
        return all;
    }

    private static List<Certificate> named(String variable, Path path) {
        List<Certificate> list =
                (Files.isDirectory(path) ? readAll(path) : read(path)).orElse(null);
        if (list == null || list.isEmpty()) {
            throw new PullException(
                    "%s names %s, %s"
                            .formatted(
                                    variable,
                                    path,
                                    list == null
                                            ? "which cannot be read"
                                            : "in which there is no certificate (-----BEGIN CERTIFICATE-----)"));
        }
        return list;
    }

    private static Optional<List<Certificate>> readAll(Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return Optional.of(
                    files.filter(Files::isRegularFile)
                            .flatMap(file -> read(file).orElse(List.of()).stream())
                            .toList());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static Optional<List<Certificate>> read(Path file) {
        String text;
        try {
            text = Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return Optional.empty();
        }
        List<Certificate> all = new ArrayList<>();
        Matcher block = PEM.matcher(text);
        while (block.find()) {
            String pem = block.group().replaceAll("(BEGIN|END) (TRUSTED|X509) ", "$1 ");
            try {
                all.add(
                        CertificateFactory.getInstance("X.509")
                                .generateCertificate(
                                        new ByteArrayInputStream(
                                                pem.getBytes(StandardCharsets.ISO_8859_1))));
            } catch (CertificateException e) {
                // A certificate that Java can't parse is not trusted.
            }
        }
        return Optional.of(all);
    }

    private static X509TrustManager trusting(List<Certificate> authorities)
            throws GeneralSecurityException, IOException {
        KeyStore store = null;
        if (!authorities.isEmpty()) {
            store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            for (Certificate authority : authorities) {
                store.setCertificateEntry("" + store.size(), authority);
            }
        }
        TrustManagerFactory factory =
                TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        for (TrustManager manager : factory.getTrustManagers()) {
            if (manager instanceof X509TrustManager x509) {
                return x509;
            }
        }
        throw new AssertionError("every Java has a trust manager for X.509");
    }
}
