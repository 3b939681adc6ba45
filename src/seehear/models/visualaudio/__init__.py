"""VisualAudio (sound for silent video): its networks, one file each."""
