package io.github.mnistlibtorch.app.predict;

import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import java.net.InetAddress;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Who may ask: another site that a browser has open may point its own name at this machine, or send a form here. Neither is answered.
 *
 * @param address that is listened at
 * @param host its name, as the user has it
 */
record HostCheck(InetAddress address, String host) {
    private static final Pattern LOOPBACK = Pattern.compile("localhost|127(\\.\\d{1,3}){3}|\\[::1]");

    /** Of an address with a scheme, or of a header; a port may follow. */
    private static final Pattern AUTHORITY = Pattern.compile("(\\[[^\\]]*]|[^:/?#@]*)(:\\d*)?");

    /** Why a request is not answered; null if it is. */
    @Nullable String refusal(FullHttpRequest request) {
        List<String> hosts = request.headers().getAll(HttpHeaderNames.HOST);
        if (hosts.size() != 1) {
            return "a request names one host";
        }
        String asked = hosts.get(0);
        String uri = request.uri();
        if (!uri.startsWith("/")) {
            String authority = uri.replaceFirst("(?i)^https?://", "").replaceFirst("[/?#].*", "");
            if (authority.equals(uri) || !isHere(authority)) {
                return "this program is no proxy";
            }
        }
        if (!isHere(asked)) {
            return "this program answers on its own machine alone; start it with --host to let others in";
        }
        List<String> origins = request.headers().getAll(HttpHeaderNames.ORIGIN);
        if (origins.stream().anyMatch(origin -> !origin.equalsIgnoreCase("http://" + asked))) {
            return "this program answers its own page alone";
        }
        return null;
    }

    /** Where every machine may ask, it may call this one as it likes. */
    private boolean isHere(String authority) {
        var matcher = AUTHORITY.matcher(authority);
        if (!matcher.matches()) {
            return false;
        }
        if (!address.isLoopbackAddress()) {
            return true;
        }
        String name = matcher.group(1).toLowerCase(Locale.ROOT);
        String withoutDot = name.endsWith(".") ? name.substring(0, name.length() - 1) : name;
        return LOOPBACK.matcher(withoutDot).matches() || withoutDot.equals(host.toLowerCase(Locale.ROOT));
    }
}
