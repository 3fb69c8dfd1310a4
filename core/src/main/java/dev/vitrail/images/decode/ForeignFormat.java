package dev.vitrail.images.decode;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Formats that are not read, told by their first bytes, so that a refusal can name them. */
final class ForeignFormat {
    /** Beginnings, as ISO 8859-1 has them; none is the beginning of another. */
    private static final Map<String, String> BEGINNINGS = Map.ofEntries(
            Map.entry("\0\0\0\fjP  \r\n\u0087\n", "JPEG 2000"),
            Map.entry("\u00ffO\u00ffQ", "JPEG 2000"),
            Map.entry("\0\0\0\fJXL \r\n\u0087\n", "JPEG XL"),
            Map.entry("\u00ff\n", "JPEG XL"),
            Map.entry("II\u00bc", "JPEG XR"),
            Map.entry("\u008aMNG\r\n\u001a\n", "MNG"),
            Map.entry("\u008bJNG\r\n\u001a\n", "JNG"),
            Map.entry("%PDF", "PDF"),
            Map.entry("%!PS", "PostScript"),
            Map.entry("\u00c5\u00d0\u00d3\u00c6", "PostScript"),
            Map.entry("8BPS", "Photoshop (PSD)"),
            Map.entry("gimp xcf", "GIMP (XCF)"),
            Map.entry("\0\0\1\0", "Windows icon (ICO)"),
            Map.entry("\0\0\2\0", "Windows cursor (CUR)"),
            Map.entry("icns", "Apple icon (ICNS)"),
            Map.entry("DDS ", "DirectDraw surface (DDS)"),
            Map.entry("v/1\1", "OpenEXR"),
            Map.entry("#?RADIANCE", "Radiance (HDR)"),
            Map.entry("#?RGBE", "Radiance (HDR)"),
            Map.entry("qoif", "QOI"),
            Map.entry("FLIF", "FLIF"),
            Map.entry("BPG\u00fb", "BPG"),
            Map.entry("AT&TFORM", "DjVu"),
            Map.entry("\u0001\u00da", "SGI image"),
            Map.entry("Y\u00a6j\u0095", "Sun raster"),
            Map.entry("/* XPM */", "XPM"),
            Map.entry("\u00d7\u00cd\u00c6\u009a", "Windows metafile (WMF)"),
            Map.entry("BA", "OS/2 bitmap array"),
            Map.entry("P7\n", "PAM"),
            Map.entry("Pf\n", "PFM"),
            Map.entry("PF\n", "PFM"),
            Map.entry("SIMPLE  =", "FITS"),
            Map.entry("\u0089HDF\r\n\u001a\n", "HDF5"),
            Map.entry("\u0093NUMPY", "NumPy array"),
            Map.entry("IIU\0", "Panasonic raw (RW2)"),
            Map.entry("IIRO", "Olympus raw (ORF)"),
            Map.entry("IIRS", "Olympus raw (ORF)"),
            Map.entry("MMOR", "Olympus raw (ORF)"),
            Map.entry("FUJIFILMCCD-RAW", "Fujifilm raw (RAF)"),
            Map.entry("FOVb", "Sigma raw (X3F)"),
            Map.entry("\0MRM", "Minolta raw (MRW)"),
            Map.entry("PK\u0003\u0004", "ZIP"),
            Map.entry("\u001f\u008b", "gzip"),
            Map.entry("version https://git-lfs", "Git LFS pointer"));

    private static final int LOOKED_AT = 1024;
    private static final int DICOM = 128;

    private ForeignFormat() {}

    /** The name of a format that is known and not read. */
    static Optional<String> of(byte[] bytes) {
        var start = new String(bytes, 0, Math.min(bytes.length, LOOKED_AT), StandardCharsets.ISO_8859_1);
        if (start.startsWith("ftyp", 4)) {
            return Optional.of(media(start));
        }
        if (start.startsWith("DICM", DICOM)) {
            return Optional.of("DICOM");
        }
        if (start.startsWith("RIFF")) {
            return Optional.of("RIFF (sound or film)");
        }
        var text = start.toLowerCase(Locale.ROOT);
        if (text.stripLeading().startsWith("<svg")
                || (text.contains("<svg") && (text.contains("<?xml") || text.contains("<!doctype svg")))) {
            return Optional.of("SVG");
        }
        return BEGINNINGS.entrySet().stream()
                .filter(known -> start.startsWith(known.getKey()))
                .map(Map.Entry::getValue)
                .findFirst();
    }

    /** Format of a file of ISO's base media format, by its brands (ISO/IEC 14496-12, section 4.3). */
    private static String media(String start) {
        int length = (start.charAt(0) << 24) + (start.charAt(1) << 16) + (start.charAt(2) << 8) + start.charAt(3);
        var brands = start.substring(8, Math.min(Math.max(length, 12), start.length()));
        if (brands.contains("avif") || brands.contains("avis")) {
            return "AVIF";
        }
        if (brands.startsWith("crx")) {
            return "Canon raw (CR3)";
        }
        if (brands.startsWith("jp2") || brands.startsWith("jpx")) {
            return "JPEG 2000";
        }
        return brands.contains("hei") || brands.contains("hev") || brands.contains("mif1") || brands.contains("msf1")
                ? "HEIC (HEIF)"
                : "film (MP4 or QuickTime)";
    }
}
