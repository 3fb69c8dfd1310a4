/** Models as ONNX graphs: recorded while they run, written, and run by ONNX Runtime. */
package dev.vitrail.onnx;
