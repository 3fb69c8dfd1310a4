package dev.vitrail.onnx;

/**
 * Options of an {@link OnnxExport}.
 *
 * @param dynamicSize whether the graph takes images of any size, as far as the family does
 * @param uint8Input whether the graph takes levels 0–255, uint8 {@code [B, H, W, C]}, and normalizes them itself
 * @param int8 whether linear layers compute in integers of eight bits, which is faster and less exact; all else is
 *     in single precision
 * @param limit bytes of weights that the graph's own file may hold; more are written to a file beside it
 */
public record OnnxExportOptions(boolean dynamicSize, boolean uint8Input, boolean int8, long limit) {
    /** Protobuf's limit is 2 GiB for the whole file; the rest is for the graph. */
    private static final long LIMIT = (1L << 31) - (1L << 26);

    /** Options for images of one size, normalized, in single precision. */
    public static final OnnxExportOptions DEFAULT = new OnnxExportOptions(false, false, false, LIMIT);

    public OnnxExportOptions withDynamicSize(boolean dynamic) {
        return new OnnxExportOptions(dynamic, uint8Input, int8, limit);
    }

    public OnnxExportOptions withUint8Input(boolean levels) {
        return new OnnxExportOptions(dynamicSize, levels, int8, limit);
    }

    public OnnxExportOptions withInt8(boolean quantized) {
        return new OnnxExportOptions(dynamicSize, uint8Input, quantized, limit);
    }

    public OnnxExportOptions withLimit(long bytes) {
        return new OnnxExportOptions(dynamicSize, uint8Input, int8, bytes);
    }
}
