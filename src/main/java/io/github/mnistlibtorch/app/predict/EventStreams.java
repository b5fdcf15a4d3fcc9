package io.github.mnistlibtorch.app.predict;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * Pages that watch a training, by server-sent events. Several times a second each is told what is new to it, if it has taken what it
 * was told before: a slow one skips what has been overtaken, and nothing piles up. All methods are called on the network thread.
 */
final class EventStreams {
    /** A person has one page open, or a few. */
    static final int MOST = 16;

    private static final long PERIOD_MILLISECONDS = 100;

    /** After so many periods without news, something is sent all the same: a connection that is gone shows it then. */
    private static final int QUIET_PERIODS = 50;

    private final TrainingMonitor monitor;
    private final JsonMapper json = JsonMapper.builder().build();
    private final Map<ChannelHandlerContext, Stream> streams = new LinkedHashMap<>();
    private @Nullable ScheduledFuture<?> timer;

    private static final class Stream {
        final TrainingMonitor.Cursor cursor = new TrainingMonitor.Cursor();
        int quiet;
    }

    EventStreams(TrainingMonitor monitor) {
        this.monitor = monitor;
    }

    boolean isFull() {
        return streams.size() >= MOST;
    }

    /** Begins to tell a page, whose headers have been answered. */
    void add(ChannelHandlerContext connection) {
        streams.put(connection, new Stream());
        connection.channel().closeFuture().addListener(closed -> remove(connection));
        monitor.watchers(streams.size());
        if (timer == null) {
            EventLoop loop = connection.channel().eventLoop();
            timer = loop.scheduleWithFixedDelay(this::tell, 0, PERIOD_MILLISECONDS, TimeUnit.MILLISECONDS);
        }
    }

    private void remove(ChannelHandlerContext connection) {
        streams.remove(connection);
        monitor.watchers(streams.size());
        if (streams.isEmpty() && timer != null) {
            timer.cancel(/* mayInterruptIfRunning= */ false);
            timer = null;
        }
    }

    private void tell() {
        List<ChannelHandlerContext> connections = new ArrayList<>(streams.keySet());
        for (ChannelHandlerContext connection : connections) {
            Stream stream = streams.get(connection);
            if (stream == null || !connection.channel().isWritable()) {
                continue; // what is new then, it is told when it has taken what is on its way
            }
            Map<String, Object> news = monitor.news(stream.cursor);
            if (!news.isEmpty()) {
                stream.quiet = 0;
                send(connection, "data: " + json.writeValueAsString(news) + "\n\n");
            } else if (++stream.quiet >= QUIET_PERIODS) {
                stream.quiet = 0;
                send(connection, ":\n\n");
            }
            if (stream.cursor.isEnded()) {
                remove(connection);
                connection.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT).addListener(written -> connection.close());
            }
        }
    }

    private static void send(ChannelHandlerContext connection, String event) {
        connection.writeAndFlush(new DefaultHttpContent(Unpooled.wrappedBuffer(event.getBytes(UTF_8))));
    }
}
