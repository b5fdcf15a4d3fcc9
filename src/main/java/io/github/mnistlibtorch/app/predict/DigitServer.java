package io.github.mnistlibtorch.app.predict;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.vision.Mnist;
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
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.bytedeco.pytorch.Device;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * Answers a browser: the page to draw on and to watch a training, and what a network makes of the drawing. Only pages of this program may ask, only for as much
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

    /** Of each digit one, of MNIST's test set. */
    private static final int EXAMPLES = 10;

    private static final String JSON = "application/json";

    private final HostCheck hosts;
    private final @Nullable DrawingFolder drawings;
    private final @Nullable TrainingMonitor monitor;
    private final @Nullable EventStreams streams;
    private final EventLoopGroup network;
    private final Channel listening;
    private final AtomicInteger connections = new AtomicInteger();
    private final AtomicBoolean closed = new AtomicBoolean();
    private final JsonMapper json = JsonMapper.builder().build();

    /** None while the training is watched of which it comes. */
    private volatile @Nullable ServedModel model;

    /** One drawing after the other: two at once would take as long. */
    private final ThreadPoolExecutor inference =
            new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>((int) Math.max(
                    LEAST_WAITING,
                    Math.min(MOST_CONNECTIONS, Runtime.getRuntime().maxMemory() / PART_FOR_DRAWINGS / (SIDE * SIDE)))));

    /**
     * Starts to listen.
     *
     * @param address to listen at, which {@code host} names
     * @param port 0 for any that is free
     * @param drawings where labelled drawings are saved; {@code null} if they are not
     * @param monitor of a training that pages may watch; {@code null} if there is none
     * @throws IOException if the address cannot be listened at
     */
    public DigitServer(
            InetAddress address,
            String host,
            int port,
            @Nullable DrawingFolder drawings,
            @Nullable TrainingMonitor monitor)
            throws IOException {
        this.hosts = new HostCheck(address, host);
        this.drawings = drawings;
        this.monitor = monitor;
        streams = monitor == null ? null : new EventStreams(monitor);
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

    /**
     * Answers drawings from now on; before, pages are told that there is no model yet.
     *
     * @param served stays the caller's, as does the device; both are needed until this is closed
     */
    public void serve(MnistModels.Saved served, Device device) {
        model = new ServedModel(served, device);
        if (monitor != null) {
            monitor.done();
        }
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
        if (closed.getAndSet(true)) {
            return;
        }
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
            case "GET /serve.js", "GET /watch.js" ->
                reply.send(200, "text/javascript; charset=utf-8", resource(asked.substring("GET /".length())));
            case "GET /favicon.ico", "GET /favicon.svg" -> reply.send(200, "image/svg+xml", resource("favicon.svg"));
            case "GET /model" -> reply.send(200, JSON, json.writeValueAsBytes(description()));
            case "GET /events" -> watch(connection, reply);
            case "GET /weights" ->
                withModel(reply, served -> reply.send(200, "application/octet-stream", served.weights()));
            case "GET /examples" -> withModel(reply, served -> reply.send(200, JSON, examples(served)));
            case "POST /predict" -> predict(request, reply);
            case "POST /drawings" -> save(request, reply);
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

    private Map<String, Object> description() {
        ServedModel served = model;
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("isTraining", served == null);
        fields.put("isWatched", monitor != null);
        fields.put("savesDrawings", drawings != null);
        if (served != null) {
            fields.putAll(served.description());
        }
        return fields;
    }

    private void watch(ChannelHandlerContext connection, Reply reply) {
        if (streams == null) {
            reply.refuse(404, "there is no training to watch");
        } else if (streams.isFull()) {
            reply.refuse(503, EventStreams.MOST + " pages watch this training; close one");
        } else if (reply.stream("text/event-stream")) {
            streams.add(connection);
        }
    }

    /** Gives an answer, or throws {@link InputException} if what was sent is of no use. */
    @FunctionalInterface
    private interface Work {
        void with(ServedModel model) throws IOException;
    }

    /** On the one thread that computes. */
    private void withModel(Reply reply, Work work) {
        ServedModel served = model;
        if (served == null) {
            reply.refuse(503, "the network is still being trained");
            return;
        }
        try {
            inference.execute(() -> {
                try {
                    work.with(served);
                } catch (InputException e) {
                    reply.refuse(422, LibTorch.firstLine(e));
                } catch (DrawingFolder.FullException e) {
                    reply.refuse(507, LibTorch.firstLine(e));
                } catch (Throwable e) { // also of Java without memory: somebody waits for an answer
                    reply.closing().refuse(500, "the program cannot answer (" + LibTorch.firstLine(e) + ")");
                }
            });
        } catch (RejectedExecutionException e) {
            reply.refuse(503, "too many drawings wait for an answer; try again");
        }
    }

    /**
     * The sides of a picture, as the address has them, or of the paper.
     *
     * @return {@code null} if the body has another size, which has then been answered
     */
    private static int @Nullable [] size(Map<String, List<String>> parameters, byte[] grey, Reply reply) {
        int width = number(parameters, "width", SIDE);
        int height = number(parameters, "height", SIDE);
        if (width < 1 || width > SIDE || height < 1 || height > SIDE || grey.length != width * height) {
            reply.refuse(400, WRONG_SIZE);
            return null;
        }
        return new int[] {width, height};
    }

    private static Map<String, List<String>> parameters(FullHttpRequest request) {
        return new QueryStringDecoder(request.uri()).parameters();
    }

    private static int number(Map<String, List<String>> parameters, String name, int otherwise) {
        List<String> values = parameters.getOrDefault(name, List.of());
        try {
            return values.isEmpty() ? otherwise : Integer.parseInt(values.get(0));
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    private void predict(FullHttpRequest request, Reply reply) {
        byte[] grey = ByteBufUtil.getBytes(request.content());
        int[] size = size(parameters(request), grey, reply);
        if (size != null) {
            withModel(
                    reply,
                    served -> reply.send(200, JSON, json.writeValueAsBytes(served.answer(grey, size[0], size[1]))));
        }
    }

    /** What somebody has drawn, and says that it is. */
    private void save(FullHttpRequest request, Reply reply) {
        DrawingFolder folder = drawings;
        if (folder == null) {
            reply.refuse(404, "drawings are not saved; start the program with --save-drawings");
            return;
        }
        byte[] grey = ByteBufUtil.getBytes(request.content());
        Map<String, List<String>> parameters = parameters(request);
        int label = number(parameters, "label", -1);
        if (grey.length != SIDE * SIDE) {
            reply.refuse(400, WRONG_SIZE);
            return;
        }
        withModel(reply, served -> {
            List<String> classes = served.images().classes();
            if (label < 0 || label >= classes.size()) {
                throw new InputException("a label is a number from 0 to " + (classes.size() - 1));
            }
            String file = folder.save(grey, SIDE, SIDE, classes, label).toString();
            reply.send(200, JSON, json.writeValueAsBytes(Map.of("file", file, "class", classes.get(label))));
        });
    }

    /** Pictures to begin with, one of each class; none for a model of other pictures. */
    private byte[] examples(ServedModel served) {
        List<Map<String, Object>> examples = new ArrayList<>();
        if (served.images().equals(ImageSpec.MNIST)) {
            Mnist test = Mnist.bundled(Mnist.Split.TEST);
            for (int i = 0, label = 0; label < EXAMPLES && i < test.size(); i++) {
                if (test.label(i) == label) {
                    byte[] grey = new byte[test.rows() * test.columns()];
                    test.copyPixels(i, ByteBuffer.wrap(grey), 0);
                    examples.add(Map.of("label", label, "grey", grey));
                    label++;
                }
            }
        }
        return json.writeValueAsBytes(examples); // bytes are written as base64
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = requireNonNull(DigitServer.class.getResourceAsStream("/serve/" + name))) {
            return in.readAllBytes();
        }
    }
}
