/** What a person sees of a run: TensorBoard events, the page a chart of its curves as PNG, and runs side by side. */
package dev.vitrail.report;
