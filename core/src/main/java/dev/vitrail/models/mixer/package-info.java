/** MLP-Mixer (Tolstikhin et al., 2021, arXiv:2105.01601). */
package dev.vitrail.models.mixer;
