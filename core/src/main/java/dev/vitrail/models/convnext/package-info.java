/** ConvNeXt (Liu et al., 2022, arXiv:2201.03545) and ConvNeXt V2 (Woo et al., 2023, arXiv:2301.00808). */
package dev.vitrail.models.convnext;
