package dev.vitrail.serve;

import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.RequestHeaders;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;

/** A secret that requests carry as {@code Authorization: Bearer …}; compared in constant time. */
final class BearerToken {
    private static final String SCHEME = "Bearer ";

    private final byte[] token;

    BearerToken(String token) {
        this.token = token.getBytes(StandardCharsets.UTF_8);
    }

    boolean isCarried(RequestHeaders headers) {
        var value = headers.get(HttpHeaderNames.AUTHORIZATION);
        return value != null
                && value.regionMatches(true, 0, SCHEME, 0, SCHEME.length())
                && MessageDigest.isEqual(token, value.substring(SCHEME.length()).getBytes(StandardCharsets.UTF_8));
    }
}
