package example;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.option.GenerationOptions;
import java.nio.file.Path;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.core.task.AsyncTaskExecutor;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.mvc.method.annotation.SseEmitter;

/** Answers questions with server-sent events, one for each piece of text. */
@SpringBootApplication
public class Application {
    public static void main(String[] args) {
        SpringApplication.run(Application.class, args);
    }

    /** Spring closes it. */
    @Bean
    LlamaModel model(@Value("${model}") Path file) {
        return LlamaModel.load(file);
    }

    record Piece(String text, boolean isVirtual) {}

    @RestController
    record Questions(LlamaModel model, AsyncTaskExecutor executor) {
        @GetMapping("/ask")
        SseEmitter ask(String question) {
            SseEmitter events = new SseEmitter();
            executor.execute(() -> answer(question, events));
            return events;
        }

        private void answer(String question, SseEmitter events) {
            try (LlamaSession session = model.newSession();
                    TokenStream answer =
                            new Chat(session).send(question, GenerationOptions.greedy())) {
                while (answer.hasNext()) {
                    events.send(new Piece(answer.next(), Thread.currentThread().isVirtual()));
                }
                events.complete();
            } catch (Exception e) {
                events.completeWithError(e);
            }
        }
    }
}
