package dev.vitrail.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Certificates and keys of the JDK's keytool: the right ones are taken, each fault has its sentence. */
class TlsFilesCheckTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    private ServerOptions.TlsFiles made(String name, String algorithm, String start) throws Exception {
        var store = folder.resolve(name + ".p12");
        var password = "changeit".toCharArray();
        var made = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "keytool")
                                .toString(),
                        "-genkeypair",
                        "-alias",
                        "server",
                        "-keyalg",
                        algorithm,
                        "-dname",
                        "CN=localhost",
                        "-startdate",
                        start,
                        "-validity",
                        "2",
                        "-storetype",
                        "PKCS12",
                        "-keystore",
                        store.toString(),
                        "-storepass",
                        "changeit")
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        assertThat(made.waitFor()).as(Files.readString(folder.resolve("log"))).isZero();
        var opened = KeyStore.getInstance(store.toFile(), password);
        return new ServerOptions.TlsFiles(
                pem(
                        name + ".crt",
                        "CERTIFICATE",
                        opened.getCertificate("server").getEncoded()),
                pem(
                        name + ".key",
                        "PRIVATE KEY",
                        opened.getKey("server", password).getEncoded()));
    }

    private Path pem(String name, String label, byte[] content) throws Exception {
        var text = Base64.getMimeEncoder(64, new byte[] {10}).encodeToString(content);
        return Files.writeString(
                folder.resolve(name), "-----BEGIN %s-----\n%s\n-----END %s-----\n".formatted(label, text, label));
    }

    private static void refused(Path certificate, Path key, String sentence) {
        assertThatThrownBy(() -> TlsFilesCheck.require(new ServerOptions.TlsFiles(certificate, key)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining(sentence);
    }

    @Test
    void eachFaultOfTheFilesHasItsSentence() throws Exception {
        var rsa = made("rsa", "RSA", "-1H");
        var ec = made("ec", "EC", "-1H");
        var other = made("other", "EC", "-1H");
        TlsFilesCheck.require(rsa);
        TlsFilesCheck.require(ec);
        refused(rsa.certificates(), ec.key(), "does not belong to the certificate");
        refused(ec.certificates(), other.key(), "does not belong to the certificate");
        var expired = made("expired", "EC", "-9d");
        refused(expired.certificates(), expired.key(), "expired at ");
        var early = made("early", "EC", "+9d");
        refused(early.certificates(), early.key(), "is not valid before ");
        refused(ec.key(), ec.key(), "holds no TLS certificate");
        refused(ec.certificates(), ec.certificates(), "holds no TLS key");
        refused(ec.certificates(), folder.resolve("none"), "cannot read the TLS key");
    }
}
