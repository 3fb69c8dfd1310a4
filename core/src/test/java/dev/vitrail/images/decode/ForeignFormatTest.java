package dev.vitrail.images.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Formats that are not read are called by their names, whatever the file is called. */
class ForeignFormatTest {
    static Stream<String[]> files() {
        return Stream.of(
                row("AVIF", "\0\0\0\u0020ftypavif\0\0\0\0avifmif1miaf"),
                row("AVIF", "\0\0\0\u001cftypmif1\0\0\0\0mif1avif"),
                row("HEIC (HEIF)", "\0\0\0\u0018ftypheic\0\0\0\0mif1heic"),
                row("HEIC (HEIF)", "\0\0\0\u0018ftypmsf1\0\0\0\0hevcmsf1"),
                row("Canon raw (CR3)", "\0\0\0\u0018ftypcrx \0\0\0\1crx isom"),
                row("film (MP4 or QuickTime)", "\0\0\0\u0018ftypisom\0\0\0\1isommp41"),
                row("JPEG 2000", "\0\0\0\fjP  \r\n\u0087\n\0\0\0\u0014ftypjp2 "),
                row("JPEG 2000", "\u00ffO\u00ffQ\0/"),
                row("JPEG XL", "\u00ff\n\u0012\u0034"),
                row("JPEG XL", "\0\0\0\fJXL \r\n\u0087\n"),
                row("JPEG XR", "II\u00bc\1"),
                row("SVG", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
                row("SVG", "<?xml version=\"1.0\"?>\n<!-- drawn -->\n<svg width=\"3\"/>"),
                row("PDF", "%PDF-1.7\n"),
                row("Windows icon (ICO)", "\0\0\1\0\1\0\u0020\u0020"),
                row("Photoshop (PSD)", "8BPS\0\1"),
                row("Panasonic raw (RW2)", "IIU\0\u0018\0\0\0"),
                row("Fujifilm raw (RAF)", "FUJIFILMCCD-RAW 0201"),
                row("OpenEXR", "v/1\1\2\0\0\0"),
                row("DICOM", "\0".repeat(128) + "DICM"),
                row("Git LFS pointer", "version https://git-lfs.github.com/spec/v1\n"));
    }

    private static String[] row(String name, String content) {
        return new String[] {name, content};
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("files")
    void isNamed(String name, String content) {
        assertThatThrownBy(() -> ImageDecoder.decode(
                        content.getBytes(StandardCharsets.ISO_8859_1), "photo.jpg", DecodeOptions.DEFAULT))
                .isExactlyInstanceOf(VitrailException.class)
                .hasMessageContainingAll("photo.jpg", name + ", which is not read", "convert it");
    }

    @Test
    void aPreviewIsNotTakenForACamerasImage() throws IOException {
        byte[] file = Files.readAllBytes(PillowFormatsTest.FOLDER.resolve("grey8_1.tif"));
        assertThat(ImageDecoder.decode(file, "scan.tif", DecodeOptions.DEFAULT).width())
                .isEqualTo(21);
        file[8] = 'C';
        file[9] = 'R';
        file[10] = 2;
        assertThatThrownBy(() -> ImageDecoder.decode(file, "IMG_1.CR2", DecodeOptions.DEFAULT))
                .isExactlyInstanceOf(VitrailException.class)
                .hasMessageContainingAll("CR2", "raw data");
    }
}
