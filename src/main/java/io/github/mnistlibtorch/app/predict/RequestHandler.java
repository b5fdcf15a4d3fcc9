package io.github.mnistlibtorch.app.predict;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The requests of one connection, one after the other, each of which has to be there whole in a few seconds. */
final class RequestHandler extends SimpleChannelInboundHandler<FullHttpRequest> {
    /** For a request to come in, and for its answer to be taken. */
    static final int SECONDS = 15;

    /** Gives an answer, now or on another thread. */
    @FunctionalInterface
    interface Answerer {
        void answer(ChannelHandlerContext connection, FullHttpRequest request) throws IOException;
    }

    private final Answerer answerer;
    private @Nullable Future<?> deadline;

    RequestHandler(Answerer answerer) {
        this.answerer = answerer;
    }

    @Override
    public void channelActive(ChannelHandlerContext connection) {
        startClock(connection);
    }

    /** A byte a second does not stop it, nor does a header that never ends. */
    private void startClock(ChannelHandlerContext connection) {
        stopClock();
        deadline = connection.executor().schedule((Runnable) connection::close, SECONDS, TimeUnit.SECONDS);
    }

    @Override
    public void channelInactive(ChannelHandlerContext connection) {
        stopClock();
    }

    private void stopClock() {
        if (deadline != null) {
            deadline.cancel(/* mayInterruptIfRunning= */ false);
        }
    }

    @Override
    protected void channelRead0(ChannelHandlerContext connection, FullHttpRequest request) throws IOException {
        stopClock();
        Throwable failure = request.decoderResult().cause();
        if (failure != null) {
            Reply reply = new Reply(connection, request).closing();
            if (failure instanceof TooLongHttpHeaderException) {
                reply.refuse(431, "the headers are too long");
            } else if (failure instanceof TooLongHttpLineException) {
                reply.refuse(414, "the address is too long");
            } else {
                reply.refuse(400, "this is no request of HTTP");
            }
            return;
        }
        // The next request is read when this one has been answered.
        connection.channel().config().setAutoRead(false);
        answerer.answer(connection, request);
    }

    /** Called when an answer has been written. */
    @Override
    public void userEventTriggered(ChannelHandlerContext connection, Object event) {
        if (event == Reply.DONE) {
            startClock(connection);
            connection.channel().config().setAutoRead(true);
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext connection, Throwable failure) {
        connection.close(); // it broke off, most likely
    }
}
