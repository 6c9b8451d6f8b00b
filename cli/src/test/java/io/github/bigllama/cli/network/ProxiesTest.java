package io.github.bigllama.cli.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.Proxy;
import java.util.Map;
import java.util.Optional;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What curl's variables mean. */
class ProxiesTest {
    private static Optional<Proxies.Server> of(String address, String... variables) {
        Map<String, String> environment = new java.util.HashMap<>();
        for (int i = 0; i < variables.length; i += 2) {
            environment.put(variables[i], variables[i + 1]);
        }
        return Proxies.of(environment).of(HttpUrl.get(address));
    }

    @Test
    void theVariableOfTheScheme() {
        assertThat(
                        of("https://h/", "https_proxy", "http://p:3128", "http_proxy", "q")
                                .orElseThrow())
                .hasToString("the proxy p:3128 of https_proxy");
        assertThat(of("http://h/", "https_proxy", "http://p:3128")).isEmpty();
        assertThat(of("https://h/", "HTTPS_PROXY", "p").orElseThrow())
                .hasToString("the proxy p:1080 of HTTPS_PROXY");
        assertThat(of("https://h/", "all_proxy", "p:1", "https_proxy", "").orElseThrow().variable())
                .isEqualTo("all_proxy");
        assertThat(of("http://h/", "HTTP_PROXY", "p:1", "REQUEST_METHOD", "GET")).isEmpty();
        assertThat(of("http://my_host/", "http_proxy", "my_proxy:1").orElseThrow().host())
                .isEqualTo("my_proxy");
    }

    @Test
    void usersAndPasswords() {
        Proxies.Server server =
                of("https://h/", "https_proxy", "http://us%20er:p%40s+s:@x@p:3128/").orElseThrow();
        assertThat(server.user().orElseThrow()).containsExactly("us er", "p@s+s:@x");
        assertThat(server.credentials()).contains("Basic dXMgZXI6cEBzK3M6QHg=");
        assertThat(server.toString()).isEqualTo("the proxy p:3128 of https_proxy");
        assertThat(of("http://h/", "http_proxy", "socks5h://u:p@[::1]:9").orElseThrow())
                .satisfies(socks -> assertThat(socks.type()).isEqualTo(Proxy.Type.SOCKS))
                .satisfies(socks -> assertThat(socks.host()).isEqualTo("::1"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://user:s3cret@[bad",
                "http://user:s3cret@host:port",
                "http://user:s3cret@host:99999",
                "http://user:s3cret%zz@host:1",
                "http://user:s3cret@",
                "user:s3cret@ho st:1",
                "socks4://user:s3cret@host:1",
                "https://user:s3cret@host:1"
            })
    void passwordsAreNeverShown(String proxy) {
        assertThatThrownBy(() -> of("http://h/", "http_proxy", proxy))
                .isInstanceOf(PullException.class)
                .hasMessageStartingWith("http_proxy ")
                .hasMessageNotContaining("s3cret");
    }

    @ParameterizedTest
    @CsvSource({
        "*, h, true",
        "'internal,.example.com', a.example.com, true",
        "'internal,.example.com', example.com, true",
        "'internal .example.com', x.internal, true",
        "*.example.com, a.b.example.com, true",
        "example.com, notexample.com, false",
        "EXAMPLE.com, example.COM, true",
        "example.com., example.com, true",
        "10.0.0.0/8, 10.1.2.3, true",
        "10.0.0.0/8, 11.1.2.3, false",
        "192.168.1.128/25, 192.168.1.127, false",
        "192.168.1.128/25, 192.168.1.129, true",
        "0.0.0.0/0, 1.2.3.4, true",
        "10.0.0.0/33, 10.0.0.1, false",
        "10.0.0.1, 10.0.0.1, true",
        "10.0.0.0/8, 10.example.com, false",
        "fe80::/10, '[fe80::1]', true",
        "'[::1]', '[::1]', true",
        "::1, '[::2]', false",
        "h:8080, h, false",
        "h:80, h, true",
        "'', h, false"
    })
    void exceptions(String value, String host, boolean isDirect) {
        assertThat(of("http://" + host + "/", "http_proxy", "p:1", "no_proxy", value).isEmpty())
                .isEqualTo(isDirect);
    }
}
