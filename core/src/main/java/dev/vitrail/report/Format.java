package dev.vitrail.report;

import java.util.Locale;

/** Numbers as text for pages and charts, with a decimal point in every locale. */
final class Format {
    private Format() {}

    /** {@link String#format} with a decimal point. */
    static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }

    /** A share of 0 to 1 as 87.65 %. */
    static String percent(double share) {
        return format("%.2f %%", 100 * share);
    }

    /** A share of 0 to 1 as 87.6 %. */
    static String roughPercent(double share) {
        return format("%.1f %%", 100 * share);
    }

    /** A length or place in a drawing, pixels. */
    static String pixel(double at) {
        return format("%.1f", at);
    }

    /** At most two digits after the point, and no zeros at the end. */
    static String hundredths(double value) {
        return plain(Math.round(100 * value) / 100.0);
    }

    /** At most four digits after the point, one from 100 on, and no zeros at the end. */
    static String plain(double value) {
        return format(Math.abs(value) >= 100 ? "%.1f" : "%.4f", value).replaceFirst("\\.?0+$", "");
    }

    static String scientific(double value) {
        return value == 0
                ? "0"
                : format("%.2e", value).replaceFirst("\\.?0+e", "e").replace("e-0", "e-");
    }

    /** A power of ten, such as 10⁻⁵. */
    static String power(double value) {
        var digits = String.valueOf(Math.round(Math.log10(value)));
        var raised = new StringBuilder("10");
        for (int i = 0; i < digits.length(); i++) {
            raised.append(digits.charAt(i) == '-' ? '⁻' : "⁰¹²³⁴⁵⁶⁷⁸⁹".charAt(digits.charAt(i) - '0'));
        }
        return raised.toString();
    }

    /** A count in millions. */
    static String millions(double count) {
        return hundredths(count / 1e6) + " M";
    }

    /** Seconds as 12 s, 3 min 20 s or 5 h 07 min. */
    static String duration(double seconds) {
        long whole = Math.round(seconds);
        if (whole < 60) {
            return whole + " s";
        }
        return whole < 3600
                ? format("%d min %02d s", whole / 60, whole % 60)
                : format("%d h %02d min", whole / 3600, whole / 60 % 60);
    }

    /** A text that no line is broken in. */
    static String unbroken(String text) {
        return text.replace(' ', (char) 0xA0);
    }
}
