package dev.vitrail.serve;

import dev.vitrail.errors.VitrailException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.Map;
import java.util.regex.Pattern;

/** Checks a certificate and its private key before a server starts with them. */
final class TlsFilesCheck {
    private static final Pattern KEY =
            Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");

    /** Signature algorithms by the algorithm of the key. */
    private static final Map<String, String> SIGNATURES =
            Map.of("RSA", "SHA256withRSA", "EC", "SHA256withECDSA", "EdDSA", "EdDSA");

    private TlsFilesCheck() {}

    /**
     * Requires that both files can be read, that the certificate is valid now, and that the key belongs to it.
     *
     * @throws VitrailException naming the file that is at fault
     */
    static void require(ServerOptions.TlsFiles files) {
        var certificate = certificate(files.certificates());
        var now = Instant.now();
        VitrailException.require(
                !now.isAfter(certificate.getNotAfter().toInstant()),
                "the TLS certificate %s expired at %s: renew it",
                files.certificates(),
                certificate.getNotAfter().toInstant());
        VitrailException.require(
                !now.isBefore(certificate.getNotBefore().toInstant()),
                "the TLS certificate %s is not valid before %s: check the clock, or take another certificate",
                files.certificates(),
                certificate.getNotBefore().toInstant());
        VitrailException.require(
                belongs(encodedKey(files.key()), certificate),
                "the TLS key %s does not belong to the certificate %s: expected the private key of the first"
                        + " certificate in the file",
                files.key(),
                files.certificates());
    }

    private static byte[] bytes(Path file, String what) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new VitrailException(
                    "cannot read the TLS %s %s: check that the file is there and may be read".formatted(what, file), e);
        }
    }

    private static X509Certificate certificate(Path file) {
        var content = bytes(file, "certificate");
        try {
            return (X509Certificate)
                    CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(content));
        } catch (CertificateException e) {
            throw new VitrailException(
                    "%s holds no TLS certificate: expected PEM, -----BEGIN CERTIFICATE-----".formatted(file), e);
        }
    }

    private static byte[] encodedKey(Path file) {
        var found = KEY.matcher(new String(bytes(file, "key"), StandardCharsets.ISO_8859_1));
        VitrailException.require(
                found.find(),
                "%s holds no TLS key: expected PKCS#8 without a password, -----BEGIN PRIVATE KEY-----; openssl"
                        + " pkcs8 -topk8 -nodes converts others",
                file);
        return Base64.getMimeDecoder().decode(found.group(1));
    }

    /** Returns whether the certificate verifies what the key signs. */
    private static boolean belongs(byte[] encoded, X509Certificate certificate) {
        var algorithm = certificate.getPublicKey().getAlgorithm();
        var signing = SIGNATURES.get(algorithm);
        if (signing == null) {
            throw VitrailException.of(
                    "a TLS certificate with a key of type %s is not supported: expected RSA, EC or EdDSA", algorithm);
        }
        try {
            PrivateKey key = KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(encoded));
            var text = "vitrail".getBytes(StandardCharsets.US_ASCII);
            var signer = Signature.getInstance(signing);
            signer.initSign(key);
            signer.update(text);
            var verifier = Signature.getInstance(signing);
            verifier.initVerify(certificate.getPublicKey());
            verifier.update(text);
            return verifier.verify(signer.sign());
        } catch (GeneralSecurityException e) {
            return false; // a key of another type, or a signature of another length
        }
    }
}
