/** The Vision Transformer (Dosovitskiy et al., 2021, arXiv:2010.11929). */
package dev.vitrail.models.vit;
