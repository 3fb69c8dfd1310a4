package dev.vitrail.serve;

import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.util.AttributeKey;
import io.netty.util.concurrent.ScheduledFuture;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Closes a connection whose request's headers take too long, however steadily they drip. Bytes that come while no
 * request is under way start the clock; a request that begins, or anything that is written, stops it. All on the
 * connection's event loop.
 */
final class HeaderTimeout extends ChannelDuplexHandler {
    private static final AttributeKey<HeaderTimeout> KEY = AttributeKey.valueOf(HeaderTimeout.class, "KEY");

    private final Duration most;
    private int underWay;
    private @Nullable ScheduledFuture<?> clock;

    HeaderTimeout(Duration most) {
        this.most = most;
    }

    /** The handler of a request's connection. */
    static HeaderTimeout of(Channel channel) {
        return Objects.requireNonNull(channel.attr(KEY).get());
    }

    void requestBegan() {
        underWay++;
        stop();
    }

    void requestEnded() {
        underWay--;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        context.channel().attr(KEY).set(this);
    }

    @Override
    public void channelActive(ChannelHandlerContext context) throws Exception {
        start(context); // TLS and protocol negotiation count too
        super.channelActive(context);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) throws Exception {
        if (underWay == 0 && clock == null) {
            start(context);
        }
        super.channelRead(context, message);
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) throws Exception {
        stop();
        super.write(context, message, promise);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) throws Exception {
        stop();
        super.channelInactive(context);
    }

    private void start(ChannelHandlerContext context) {
        clock = context.executor().schedule(() -> context.close(), most.toNanos(), TimeUnit.NANOSECONDS);
    }

    private void stop() {
        if (clock != null) {
            clock.cancel(false);
            clock = null;
        }
    }
}
