package example;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.chat.Chat;
import java.nio.file.Path;

/** Asks a model one question. */
final class Main {
    public static void main(String[] args) {
        System.out.println("class path: " + System.getProperty("java.class.path"));
        try (LlamaModel model = LlamaModel.load(Path.of(args[0]));
                LlamaSession session = model.newSession()) {
            String answer = new Chat(session).send("What is the capital of France?").text();
            System.out.println("answer: " + answer);
        }
    }
}
