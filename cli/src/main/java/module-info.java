/**
 * The command {@code bigllama}. It exports nothing: other programs use {@code
 * io.github.bigllama.core}.
 */
@SuppressWarnings("requires-automatic") // JLine and OkHttp have no module descriptors
module io.github.bigllama.cli {
    requires com.fasterxml.jackson.databind;
    requires com.fasterxml.jackson.datatype.jdk8;
    requires info.picocli;
    requires io.github.bigllama.core;
    requires jdk.httpserver;
    requires java.net.http;
    requires org.commonmark;
    requires org.commonmark.ext.gfm.tables;
    requires org.jline.reader;
    requires okhttp3;
    requires org.jline.terminal;

    opens io.github.bigllama.cli to
            info.picocli;
    opens io.github.bigllama.cli.command to
            info.picocli,
            com.fasterxml.jackson.databind;
    opens io.github.bigllama.cli.option to
            info.picocli;
    opens io.github.bigllama.cli.output to
            info.picocli,
            com.fasterxml.jackson.databind;
    opens io.github.bigllama.cli.chat to
            com.fasterxml.jackson.databind;
    opens io.github.bigllama.cli.page to
            com.fasterxml.jackson.databind;

    provides System.LoggerFinder with
            io.github.bigllama.cli.process.StderrLoggers;
}
