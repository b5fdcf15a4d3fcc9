package io.github.mnistlibtorch.app.predict;

import io.github.mnistlibtorch.torch.runtime.PlainText;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** The answer to a request, which any thread may give. */
final class Reply {
    /** Told to the connection when the answer has been written. */
    static final Object DONE = new Object();

    private static final String POLICY =
            "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self'; connect-src 'self'";

    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final ChannelHandlerContext connection;
    private final boolean isHead;
    private boolean keepAlive;

    Reply(ChannelHandlerContext connection, HttpRequest request) {
        this.connection = connection;
        isHead = request.method().equals(HttpMethod.HEAD);
        keepAlive = HttpUtil.isKeepAlive(request) && request.decoderResult().isSuccess();
    }

    /** What else comes on this connection is not read. */
    Reply closing() {
        keepAlive = false;
        return this;
    }

    void refuse(int status, String why) {
        send(status, "application/json", JSON.writeValueAsBytes(Map.of("error", PlainText.sentence(why))));
    }

    void send(int status, String type, byte[] body) {
        ByteBuf content = isHead ? Unpooled.EMPTY_BUFFER : Unpooled.wrappedBuffer(body);
        DefaultFullHttpResponse response =
                new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(status), content);
        describe(response, type);
        response.headers().set(HttpHeaderNames.CONTENT_LENGTH, body.length);
        HttpUtil.setKeepAlive(response, keepAlive);
        connection.writeAndFlush(response).addListener(written -> {
            if (keepAlive && written.isSuccess()) {
                connection.pipeline().fireUserEventTriggered(DONE);
            } else {
                connection.close();
            }
        });
    }

    /**
     * Begins an answer that has no end yet: chunks follow, and nothing else is read on this connection.
     *
     * @return whether chunks may follow; there are none in the answer to HEAD
     */
    boolean stream(String type) {
        if (isHead) {
            send(200, type, new byte[0]);
            return false;
        }
        HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
        describe(response, type);
        HttpUtil.setTransferEncodingChunked(response, true);
        connection.writeAndFlush(response);
        return true;
    }

    private static void describe(HttpResponse response, String type) {
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, type)
                .set(HttpHeaderNames.CONTENT_SECURITY_POLICY, POLICY)
                .set("x-content-type-options", "nosniff")
                .set(HttpHeaderNames.CACHE_CONTROL, "no-store");
    }
}
