/** Reports: TensorBoard events, the pages of runs, studies, evaluations and inspections, and curves as PNG. */
package dev.vitrail.report;
