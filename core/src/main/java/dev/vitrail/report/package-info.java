/** What a person sees of a run: TensorBoard events, the page and the picture of its curves, and runs side by side. */
package dev.vitrail.report;
