/**
 * Swin Transformer (Liu et al., 2021, arXiv:2103.14030) and Swin Transformer V2 (Liu et al., 2022, arXiv:2111.09883).
 */
package dev.vitrail.models.swin;
