package io.github.mnistlibtorch.app.predict;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.flow.FlowControlHandler;
import io.netty.handler.timeout.WriteTimeoutHandler;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.pytorch.Conv2dImpl;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Module;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import tools.jackson.databind.json.JsonMapper;

/**
 * Answers a browser: the page to draw on, and what a network makes of the drawing. Only pages of this program may ask, only for as much
 * as a drawing needs, and not for longer than that takes.
 */
public final class DigitServer implements AutoCloseable {
    /** The paper of the page. */
    private static final int SIDE = 280;

    private static final String WRONG_SIZE = "a drawing is " + SIDE + " x " + SIDE + " bytes, grey values row by row";

    private static final int MOST_CONNECTIONS = 4_000;

    /** A part of the memory may hold drawings that wait. */
    private static final int PART_FOR_DRAWINGS = 4;

    private static final int LEAST_WAITING = 32;

    /** Of a request line, and of all headers together. */
    private static final int MOST_LINE = 2_048;

    private static final int MOST_HEADERS = 8_192;

    private static final int CHUNK = 8_192;

    private final MnistModels.Saved model;
    private final DigitPreprocessor preprocessor;
    private final DigitClassifier classifier;
    private final HostCheck hosts;
    private final EventLoopGroup network;
    private final Channel listening;
    private final AtomicInteger connections = new AtomicInteger();
    private final JsonMapper json = JsonMapper.builder().build();

    /** One drawing after the other: two at once would take as long. */
    private final ThreadPoolExecutor inference =
            new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>((int) Math.max(
                    LEAST_WAITING,
                    Math.min(MOST_CONNECTIONS, Runtime.getRuntime().maxMemory() / PART_FOR_DRAWINGS / (SIDE * SIDE)))));

    /**
     * Starts to listen.
     *
     * @param model stays the caller's, as does the device; both are needed until this is closed
     * @param address to listen at, which {@code host} names
     * @param port 0 for any that is free
     * @throws IOException if the address cannot be listened at
     */
    public DigitServer(MnistModels.Saved model, Device device, InetAddress address, String host, int port)
            throws IOException {
        this.model = model;
        this.preprocessor = new DigitPreprocessor(model.images());
        this.classifier = new DigitClassifier(model, device);
        this.hosts = new HostCheck(address, host);
        network = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        ServerBootstrap server = new ServerBootstrap()
                .group(network)
                .channel(NioServerSocketChannel.class)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        connected(channel);
                    }
                });
        var bound = server.bind(new InetSocketAddress(address, port)).awaitUninterruptibly();
        if (!bound.isSuccess()) {
            network.shutdownGracefully(0, 0, TimeUnit.SECONDS);
            inference.shutdown();
            throw bound.cause() instanceof IOException e ? e : new IOException(bound.cause());
        }
        listening = bound.channel();
    }

    private void connected(SocketChannel channel) {
        if (connections.incrementAndGet() > MOST_CONNECTIONS) {
            channel.close();
        }
        channel.closeFuture().addListener(closed -> connections.decrementAndGet());
        channel.pipeline()
                .addLast(new HttpServerCodec(MOST_LINE, MOST_HEADERS, CHUNK))
                .addLast(new HttpObjectAggregator(SIDE * SIDE, /* closeOnExpectationFailed= */ true) {
                    @Override
                    protected void handleOversizedMessage(ChannelHandlerContext connection, HttpMessage message) {
                        new Reply(connection, (HttpRequest) message).closing().refuse(413, WRONG_SIZE);
                    }
                })
                .addLast(new WriteTimeoutHandler(RequestHandler.SECONDS))
                .addLast(new FlowControlHandler())
                .addLast(new RequestHandler(this::answer));
    }

    public int port() {
        return ((InetSocketAddress) listening.localAddress()).getPort();
    }

    /** Takes no more requests, and waits for the answers that are being given: what they compute with is then not needed any more. */
    @Override
    public void close() {
        listening.close().awaitUninterruptibly();
        inference.shutdown();
        boolean interrupted = false;
        while (!inference.isTerminated()) {
            try {
                inference.awaitTermination(1, TimeUnit.MINUTES);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        network.submit(() -> {}).awaitUninterruptibly(); // behind what the last answer has left to be written
        network.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void answer(ChannelHandlerContext connection, FullHttpRequest request) throws IOException {
        Reply reply = new Reply(connection, request);
        String refused = hosts.refusal(request);
        if (refused != null) {
            reply.refuse(403, refused);
            return;
        }
        // The answer to HEAD is that to GET, without its body.
        HttpMethod method = request.method().equals(HttpMethod.HEAD) ? HttpMethod.GET : request.method();
        String asked = method + " " + path(request.uri());
        switch (asked) {
            case "GET /" -> reply.send(200, "text/html; charset=utf-8", resource("index.html"));
            case "GET /serve.js" -> reply.send(200, "text/javascript; charset=utf-8", resource("serve.js"));
            case "GET /model" -> reply.send(200, "application/json", json.writeValueAsBytes(model()));
            case "POST /predict" -> predict(ByteBufUtil.getBytes(request.content()), reply);
            default -> reply.refuse(404, "there is no " + asked);
        }
    }

    private static String path(String uri) {
        try {
            String path = new QueryStringDecoder(uri.replaceFirst("(?i)^https?://[^/?#]*", "")).path();
            return path.isEmpty() ? "/" : path;
        } catch (IllegalArgumentException e) {
            return uri; // which is none of the pages
        }
    }

    private Map<String, Object> model() {
        ImageSpec images = model.images();
        return Map.of("classes", images.classes(), "columns", images.columns(), "areDigits", images.areDigits());
    }

    private void predict(byte[] grey, Reply reply) {
        if (grey.length != SIDE * SIDE) {
            reply.refuse(400, WRONG_SIZE);
            return;
        }
        try {
            inference.execute(() -> {
                try {
                    reply.send(200, "application/json", json.writeValueAsBytes(answer(grey)));
                } catch (InputException e) {
                    reply.refuse(422, LibTorch.firstLine(e));
                } catch (Throwable e) { // also of Java without memory: somebody waits for an answer
                    reply.closing().refuse(500, "the network cannot answer (" + LibTorch.firstLine(e) + ")");
                }
            });
        } catch (RejectedExecutionException e) {
            reply.refuse(503, "too many drawings wait for an answer; try again");
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

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = requireNonNull(DigitServer.class.getResourceAsStream("/serve/" + name))) {
            return in.readAllBytes();
        }
    }
}
