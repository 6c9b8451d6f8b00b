package example;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.chat.Chat;
import java.nio.file.Path;

/** Asks a model one question, and says what it is a module of. */
final class Main {
    public static void main(String[] args) {
        try (LlamaModel model = LlamaModel.load(Path.of(args[0]));
                LlamaSession session = model.newSession();
                TokenStream answer = new Chat(session).send("What is the capital of France?")) {
            System.out.println(model.getClass().getModule().getName() + ": " + answer.text());
        }
    }
}
