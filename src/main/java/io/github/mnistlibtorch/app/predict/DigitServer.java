package io.github.mnistlibtorch.app.predict;

import static java.util.Objects.requireNonNull;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import tools.jackson.databind.json.JsonMapper;

/**
 * Answers a browser: the page to draw on, and what a network makes of the drawing. Only pages of this program may ask, and only
 * for as much as a drawing needs.
 */
public final class DigitServer implements AutoCloseable {
    /** The paper of the page. */
    private static final int SIDE = 280;

    private static final int THREADS = 4;

    /** Another site that a browser has open may give its own name to this address; it is not answered. */
    private static final Pattern LOOPBACK = Pattern.compile("(localhost|127\\.0\\.0\\.1|\\[::1])(:\\d+)?");

    private static final String POLICY =
            "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'";

    private final MnistModels.Saved model;
    private final DigitPreprocessor preprocessor;
    private final DigitClassifier classifier;
    private final boolean loopback;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    private final JsonMapper json = JsonMapper.builder().build();

    /**
     * Starts to listen.
     *
     * @param model stays the caller's, as does the device; both are needed until this is closed
     * @param port 0 for any that is free
     * @throws IOException if the address cannot be listened at
     */
    public DigitServer(MnistModels.Saved model, Device device, InetAddress address, int port) throws IOException {
        this.model = model;
        this.preprocessor = new DigitPreprocessor(model.images());
        this.classifier = new DigitClassifier(model, device);
        this.loopback = address.isLoopbackAddress();
        server = HttpServer.create(new InetSocketAddress(address, port), /* backlog= */ 0);
        server.createContext("/", this::answer);
        server.setExecutor(threads);
        server.start();
    }

    public int port() {
        return server.getAddress().getPort();
    }

    /** Lets the answers that are being given end, for a second at most. */
    @Override
    public void close() {
        server.stop(/* seconds= */ 1);
        threads.shutdown();
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            String host = exchange.getRequestHeaders().getFirst("Host");
            if (loopback && (host == null || !LOOPBACK.matcher(host).matches())) {
                refuse(
                        exchange,
                        403,
                        "this program answers on its own machine alone; start it with --host to let others in");
                return;
            }
            // The answer to HEAD is that to GET, without its body.
            String method = exchange.getRequestMethod().equals("HEAD") ? "GET" : exchange.getRequestMethod();
            String asked = method + " " + exchange.getRequestURI().getPath();
            switch (asked) {
                case "GET /" -> send(exchange, 200, "text/html; charset=utf-8", resource("index.html"));
                case "GET /serve.js" -> send(exchange, 200, "text/javascript; charset=utf-8", resource("serve.js"));
                case "GET /model" -> send(exchange, 200, "application/json", json.writeValueAsBytes(model()));
                case "POST /predict" -> predict(exchange);
                default -> refuse(exchange, 404, "there is no " + asked);
            }
        }
    }

    private Map<String, Object> model() {
        ImageSpec images = model.images();
        return Map.of("classes", images.classes(), "columns", images.columns(), "areDigits", images.areDigits());
    }

    private void predict(HttpExchange exchange) throws IOException {
        byte[] grey = exchange.getRequestBody().readNBytes(SIDE * SIDE + 1);
        if (grey.length != SIDE * SIDE) {
            refuse(exchange, 400, "a drawing is " + SIDE + " x " + SIDE + " bytes, grey values row by row");
            return;
        }
        try {
            send(exchange, 200, "application/json", json.writeValueAsBytes(answer(grey)));
        } catch (InputException e) {
            refuse(exchange, 422, LibTorch.firstLine(e));
        }
    }

    private Map<String, Object> answer(byte[] grey) throws InputException {
        DigitClassifier.Answer answer = classifier.answerLargest(preprocessor.of(grey, SIDE, SIDE, "the drawing"));
        Map<String, Object> fields = new LinkedHashMap<>();
        int label = answer.classes().get(0);
        if (model.images().areDigits()) {
            fields.put("digit", label);
        }
        fields.put("class", model.images().classes().get(label));
        fields.put("label", label);
        fields.put("unsure", answer.unsure());
        fields.put("probabilities", answer.probabilities());
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            Tensor input = classifier.input(answer.seen());
            fields.put("hidden", Tensors.toFloats(hidden(input)));
            fields.put("seen", Tensors.toFloats(answer.seen().image().mean(1)));
        }
        return fields;
    }

    /** What each unit of the first layer says: a hidden unit's activation, or the strongest of a filter. */
    private Tensor hidden(Tensor input) {
        Module layer = model.network().children().get(0);
        Conv2dImpl convolution = layer.asConv2d();
        return convolution == null
                ? torch.relu(layer.asLinear().forward(input.flatten(1, -1)))
                : torch.relu(convolution.forward(input)).amax(new long[] {2, 3}, /* keepdim= */ false);
    }

    private void refuse(HttpExchange exchange, int status, String why) throws IOException {
        send(exchange, status, "application/json", json.writeValueAsBytes(Map.of("error", why)));
    }

    private static void send(HttpExchange exchange, int status, String type, byte[] body) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.getResponseHeaders().set("Content-Security-Policy", POLICY);
        exchange.getResponseHeaders().set("X-Content-Type-Options", "nosniff");
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", Integer.toString(body.length));
            exchange.sendResponseHeaders(status, /* no body */ -1);
            return;
        }
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = requireNonNull(DigitServer.class.getResourceAsStream("/serve/" + name))) {
            return in.readAllBytes();
        }
    }
}
