/** The server: models behind HTTP and gRPC on one port. */
@NullMarked
package dev.vitrail.serve;

import org.jspecify.annotations.NullMarked;
